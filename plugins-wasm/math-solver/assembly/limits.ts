// How large things may become. Each bound is checked before the work that it bounds: a plugin that ran into its time limit
// could say nothing about why.

/** UTF-16 units of an expression. */
export const MAX_EXPRESSION: i32 = 1000;

/** Parentheses, arguments, signs and exponents inside each other. */
export const MAX_DEPTH: i32 = 100;

/** Decimal digits of a numerator, a denominator, or a literal. */
export const MAX_DIGITS: i32 = 10_000;

/** Bits that {@link MAX_DIGITS} digits have. */
export const MAX_BITS: i32 = 33_220;

/** Bits before the point of a number that is not exact: 1,000 digits. */
export const MAX_APPROXIMATE_BITS: i32 = 3_322;

/** Bits after the point, at most, with which approximations are computed. */
export const MAX_WORKING_BITS: i32 = 8_192;

/** Times that an expression is computed, each time with more digits, until its rounding is certain. */
export const MAX_PASSES: i32 = 5;

export const MAX_FACTORIAL: i32 = 2_000;

/** Digits after the point that a caller can ask for. */
export const MAX_PRECISION: i32 = 100;

/** Digits after the point unless caller or configuration say otherwise. */
export const DEFAULT_PRECISION: i32 = 20;

/** Units of a fraction's text; a longer one is left out of the result. */
export const MAX_FRACTION_TEXT: i32 = 1_000;

/** Steps for one call. A step is one multiplication of two limbs, about a nanosecond. */
export const MAX_STEPS: i64 = 16_000_000;

/** Pages of memory that may be in use when an operation begins; the module gets 256, and its allocator doubles. */
export const MAX_PAGES: i32 = 128;
