// HMAC-SHA-256 (FIPS 180-4, RFC 2104). A keyed hash, because the hash of a phone number without a key is undone by hashing
// all phone numbers. Signing makes no objects: memory is not given back before the call ends, and an event can hold 30,000 values.

const ROUND: StaticArray<u32> = [
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
	0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
	0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

const INITIAL: StaticArray<u32> = [
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

const BLOCK: i32 = 64;
const DIGEST: i32 = 32;

class Sha256 {
	private state: StaticArray<u32> = new StaticArray<u32>(8);
	private schedule: StaticArray<u32> = new StaticArray<u32>(64);
	private block: Uint8Array = new Uint8Array(BLOCK);
	private filled: i32 = 0;
	private length: u64 = 0;
	private code: Uint8Array = new Uint8Array(DIGEST);

	constructor() {
		for (let index = 0; index < 8; index++) this.state[index] = INITIAL[index];
	}

	/** Becomes what the other hash is, so that it can be gone on from again and again. */
	continueFrom(other: Sha256): Sha256 {
		for (let index = 0; index < 8; index++) this.state[index] = other.state[index];
		this.block.set(other.block);
		this.filled = other.filled;
		this.length = other.length;
		return this;
	}

	update(bytes: Uint8Array): Sha256 {
		for (let index = 0; index < bytes.length; index++) {
			unchecked((this.block[this.filled++] = bytes[index]));
			if (this.filled == BLOCK) this.compress();
		}
		this.length += bytes.length;
		return this;
	}

	/** The hash of everything so far. Ends this hash; the bytes are valid until it is used again. */
	digest(): Uint8Array {
		const bits = this.length << 3;
		this.block[this.filled++] = 0x80;
		if (this.filled > BLOCK - 8) {
			this.block.fill(0, this.filled);
			this.compress();
		}
		this.block.fill(0, this.filled);
		for (let index = 0; index < 8; index++) this.block[BLOCK - 1 - index] = <u8>(bits >> ((<u64>index) << 3));
		this.compress();
		for (let index = 0; index < DIGEST; index++) this.code[index] = <u8>(this.state[index >> 2] >> (24 - ((index & 3) << 3)));
		return this.code;
	}

	private compress(): void {
		const w = this.schedule;
		for (let index = 0; index < 16; index++) {
			unchecked((w[index] = bswap(load<u32>(this.block.dataStart + ((<usize>index) << 2)))));
		}
		for (let index = 16; index < 64; index++) {
			const early = unchecked(w[index - 15]);
			const late = unchecked(w[index - 2]);
			const s0 = rotr(early, 7) ^ rotr(early, 18) ^ (early >> 3);
			const s1 = rotr(late, 17) ^ rotr(late, 19) ^ (late >> 10);
			unchecked((w[index] = w[index - 16] + s0 + w[index - 7] + s1));
		}
		let a = this.state[0];
		let b = this.state[1];
		let c = this.state[2];
		let d = this.state[3];
		let e = this.state[4];
		let f = this.state[5];
		let g = this.state[6];
		let h = this.state[7];
		for (let index = 0; index < 64; index++) {
			const s1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
			const first = h + s1 + ((e & f) ^ (~e & g)) + unchecked(ROUND[index]) + unchecked(w[index]);
			const s0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
			const second = s0 + ((a & b) ^ (a & c) ^ (b & c));
			h = g;
			g = f;
			f = e;
			e = d + first;
			d = c;
			c = b;
			b = a;
			a = first + second;
		}
		this.state[0] += a;
		this.state[1] += b;
		this.state[2] += c;
		this.state[3] += d;
		this.state[4] += e;
		this.state[5] += f;
		this.state[6] += g;
		this.state[7] += h;
		this.filled = 0;
	}
}

export class HmacSha256 {
	private inner: Sha256;
	private outer: Sha256;
	private current: Sha256 = new Sha256();

	constructor(key: Uint8Array) {
		const short = key.length > BLOCK ? new Sha256().update(key).digest() : key;
		const innerPad = new Uint8Array(BLOCK).fill(0x36);
		const outerPad = new Uint8Array(BLOCK).fill(0x5c);
		for (let index = 0; index < short.length; index++) {
			innerPad[index] ^= short[index];
			outerPad[index] ^= short[index];
		}
		this.inner = new Sha256().update(innerPad);
		this.outer = new Sha256().update(outerPad);
	}

	/** The authentication code of a message, 32 bytes, valid until the next one. */
	sign(message: Uint8Array): Uint8Array {
		const code = this.current.continueFrom(this.inner).update(message).digest();
		return this.current.continueFrom(this.outer).update(code).digest();
	}
}
