// How large and how many things an archive may hold. They bound what one upload can cost before anything in it is believed.

export const ARCHIVE_LIMITS = {
	entries: 64,
	/** Bytes of all entries together, inflated. */
	inflatedBytes: 50 * 1024 * 1024,
	/** An entry may inflate to so many times its compressed size … */
	ratio: 200,
	/** … once it is larger than this many bytes. */
	ratioFromBytes: 256 * 1024,
	readmeBytes: 256 * 1024,
} as const;
