// The part of the WebAssembly JavaScript API that the probe uses. TypeScript declares it in its browser libraries only, and
// those would bring a browser's globals along. Source: WebAssembly JavaScript Interface 2.0 (W3C).
declare namespace WebAssembly {
	interface ModuleImportDescriptor {
		readonly module: string;
		readonly name: string;
	}
	class Module {
		constructor(bytes: Uint8Array);
		static imports(module: Module): ModuleImportDescriptor[];
	}
	class Instance {
		constructor(module: Module, imports: Record<string, Record<string, () => never>>);
	}
}
