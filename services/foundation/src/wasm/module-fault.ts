// Why a module was refused: the section, the thing and the rule. One class, so that the install gate and the runtime say
// the same thing about the same bytes.

export type ModuleFaultCode =
	| "not_wasm"
	| "component"
	| "malformed"
	| "too_large"
	| "import_refused"
	| "memory_refused"
	| "export_missing"
	| "start_refused"
	| "instruction_refused"
	| "too_slow";

/** A module that this host does not take. `message` names the section, the thing and the rule. */
export class ModuleFault extends Error {
	readonly code: ModuleFaultCode;
	readonly section: string;
	/** What is wrong, without the section. */
	readonly rule: string;

	constructor(code: ModuleFaultCode, section: string, rule: string) {
		super(`${section}: ${rule}`);
		this.name = "ModuleFault";
		this.code = code;
		this.section = section;
		this.rule = rule;
	}
}
