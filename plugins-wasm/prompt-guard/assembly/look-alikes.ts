// Letters that look like a Latin letter, and what they look like. Without this table `ignоre` with a Cyrillic о passes every
// rule that knows `ignore`.

/** Base letters of U+00C0 … U+017F (Latin-1 and Latin Extended-A). */
const LATIN: string =
	"aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuytyaaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

/** What each of U+0391 … U+03F3 (Greek) looks like; a point: like no Latin letter. */
const GREEK: string = "ab..ezh.ik.mn.o.p..ty.x.........ab..e...ik..v.o.p..tu.x..........................................cj";
/** The same for U+0400 … U+045F (Cyrillic). */
const CYRILLIC: string = ".....si.j.......a.b..e....k.mho.pcty.x..........a.b..e....k.mho.pcty.x...........e...siij.......";
/** The same for U+1D00 … U+1D22 (small capitals of phonetics). */
const SMALL_CAPITALS: string = "a...cd.e..jk.m.o........p..tu...vwz";
/** Other look-alikes: the letter, and the Latin letter. */
const OTHERS: string = "ԁdԛqԝwһhӏlɡgɑaɩiʀrɴnʏy";

/** Latin base letter of U+00C0 … U+017F, a space for × and ÷. */
export function latinBase(unit: i32): i32 {
	return LATIN.charCodeAt(unit - 0xc0);
}

/** The Latin letter that a Greek, Cyrillic or phonetic letter looks like; 0 when it looks like none. */
export function lookAlike(unit: i32): i32 {
	if (unit >= 0x391 && unit <= 0x3f3) return letterOf(GREEK, unit - 0x391);
	if (unit >= 0x400 && unit <= 0x45f) return letterOf(CYRILLIC, unit - 0x400);
	if (unit >= 0x1d00) return letterOf(SMALL_CAPITALS, unit - 0x1d00);
	for (let index = 0; index < OTHERS.length; index += 2) {
		if (OTHERS.charCodeAt(index) == unit) return OTHERS.charCodeAt(index + 1);
	}
	return 0;
}

function letterOf(table: string, index: i32): i32 {
	const letter = table.charCodeAt(index);
	return letter == 0x2e || letter < 0 ? 0 : letter;
}

/** ASCII letter or digit behind the styled alphabets above U+FFFF (𝐢𝑔𝓃𝔬𝕣𝖾, 🅘🄶, 𝟎); 0 when there is none. */
export function styledBase(codePoint: i32): i32 {
	if (codePoint >= 0x1d400 && codePoint <= 0x1d6a3) return 0x61 + ((codePoint - 0x1d400) % 26);
	if (codePoint >= 0x1d7ce && codePoint <= 0x1d7ff) return 0x30 + ((codePoint - 0x1d7ce) % 10);
	if (codePoint >= 0x1f130 && codePoint <= 0x1f149) return 0x61 + codePoint - 0x1f130;
	if (codePoint >= 0x1f150 && codePoint <= 0x1f169) return 0x61 + codePoint - 0x1f150;
	if (codePoint >= 0x1f170 && codePoint <= 0x1f189) return 0x61 + codePoint - 0x1f170;
	return 0;
}

/** What a digit in the middle of a word stands for (`ign0re`); 0 when nothing. */
export function digitLetter(digit: i32): i32 {
	switch (digit) {
		case 0x30:
			return 0x6f; // o
		case 0x31:
			return 0x69; // i
		case 0x33:
			return 0x65; // e
		case 0x34:
			return 0x61; // a
		case 0x35:
			return 0x73; // s
		case 0x37:
			return 0x74; // t
		default:
			return 0;
	}
}
