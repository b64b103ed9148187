// Value types of the Wasm binary format and their codes. Source: WebAssembly Core 2.0, section 5.3.
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128" | "funcref" | "externref";

export const VALUE_TYPES: Readonly<Record<number, ValueType>> = {
	127: "i32",
	126: "i64",
	125: "f32",
	124: "f64",
	123: "v128",
	112: "funcref",
	111: "externref",
};

export const VALUE_TYPE_CODES: Readonly<Record<ValueType, number>> = {
	i32: 127,
	i64: 126,
	f32: 125,
	f64: 124,
	v128: 123,
	funcref: 112,
	externref: 111,
};
