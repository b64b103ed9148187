// The part of the WebAssembly JavaScript API that the runtime uses. TypeScript declares it in its browser libraries only,
// and those would bring a browser's globals along. Source: WebAssembly JavaScript Interface 2.0 (W3C).
declare namespace WebAssembly {
	class Module {
		constructor(bytes: Uint8Array);
	}
	class Memory {
		readonly buffer: ArrayBuffer;
	}
	class Instance {
		readonly exports: Record<string, unknown>;
	}
	class CompileError extends Error {}
	class LinkError extends Error {}
	class RuntimeError extends Error {}
	function compile(bytes: Uint8Array): Promise<Module>;
}
