// The rules, as they are called in the configuration, in the phrases and in annotations.

export const RULE_NAMES: StaticArray<string> = [
	"instruction_override",
	"role_play",
	"prompt_leak",
	"fake_role",
	"hidden_text",
	"encoded_payload",
	"data_exfiltration",
	"secret_leak",
	"custom_phrase",
];

export const INSTRUCTION_OVERRIDE: i32 = 0;
export const FAKE_ROLE: i32 = 3;
export const HIDDEN_TEXT: i32 = 4;
export const ENCODED_PAYLOAD: i32 = 5;
export const DATA_EXFILTRATION: i32 = 6;
export const SECRET_LEAK: i32 = 7;
export const CUSTOM_PHRASE: i32 = 8;
