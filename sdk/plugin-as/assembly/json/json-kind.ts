// The six kinds of a JSON value. A name of its own, so that a comparison says what it means.

export const enum JsonKind {
	Null,
	Bool,
	Number,
	String,
	Array,
	Object,
}
