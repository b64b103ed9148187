// Runs pieces of work one after the other. Checking a package can take a core and many megabytes; twenty at once would take
// the service down, twenty in a row only take longer.

export type SerialQueue = <T>(work: () => Promise<T>) => Promise<T>;

/** Makes a queue; a piece that fails does not keep the following ones from running. */
export function createSerialQueue(): SerialQueue {
	let last: Promise<unknown> = Promise.resolve();
	return (work) => {
		const result = last.then(work, work);
		last = result.catch(() => undefined);
		return result;
	};
}
