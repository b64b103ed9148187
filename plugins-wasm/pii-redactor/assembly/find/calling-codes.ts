// Country calling codes of the international numbering plan (ITU-T E.164) and how many digits follow them.

/** Code, fewest and most digits of the national number, for countries where more is known than the general rule. */
const KNOWN: StaticArray<i32> = [
	1, 10, 10, 7, 10, 10, 20, 8, 10, 27, 9, 9, 30, 10, 10, 31, 9, 9, 32, 8, 9, 33, 9, 9, 34, 9, 9, 36, 8, 9, 39, 6, 11, 40, 9, 9,
	41, 9, 9, 43, 5, 13, 44, 9, 10, 45, 8, 8, 46, 7, 10, 47, 8, 8, 48, 9, 9, 49, 6, 11, 51, 8, 9, 52, 10, 11, 54, 10, 11, 55, 10,
	11, 56, 9, 9, 57, 8, 10, 60, 8, 10, 61, 9, 9, 62, 8, 12, 63, 8, 10, 64, 8, 10, 65, 8, 8, 66, 8, 9, 81, 9, 10, 82, 8, 10, 84, 8,
	10, 86, 9, 12, 90, 10, 10, 91, 10, 10, 92, 9, 10, 351, 9, 9, 352, 5, 11, 353, 7, 9, 354, 7, 7, 358, 5, 12, 380, 9, 9, 385, 8, 9,
	386, 8, 8, 420, 9, 9, 421, 9, 9, 852, 8, 8, 886, 8, 9, 966, 8, 9, 971, 8, 9, 972, 8, 9,
];

/** Number of digits (1 to 3) of the calling code at the start of `digits`; 0 when no country has it. */
export function callingCodeLength(digits: StaticArray<i32>): i32 {
	const first = digits[0];
	if (first == 1 || first == 7) return 1;
	if (first == 0) return 0;
	const two = first * 10 + digits[1];
	switch (two) {
		case 21:
		case 22:
		case 23:
		case 24:
		case 25:
		case 26:
		case 29:
		case 35:
		case 37:
		case 38:
		case 42:
		case 50:
		case 59:
		case 67:
		case 68:
		case 69:
		case 80:
		case 85:
		case 87:
		case 88:
		case 96:
		case 97:
		case 99:
			return 3;
		case 28:
		case 83:
		case 89:
			return 0;
		default:
			return 2;
	}
}

/** True when a number with this calling code may have so many digits after it. */
export function isNationalLength(code: i32, length: i32): bool {
	for (let index = 0; index < KNOWN.length; index += 3) {
		if (KNOWN[index] == code) return length >= KNOWN[index + 1] && length <= KNOWN[index + 2];
	}
	return length >= 6 && length <= 12;
}
