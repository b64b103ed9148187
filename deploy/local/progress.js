// Shows what is being done and how long it has taken: one moving line on a terminal, one plain line for each step
// elsewhere. Minutes without a word look like a hang.

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 120;

/**
 * @typedef {object} Progress
 * @property {<T>(title: string, work: () => Promise<T>) => Promise<T>} step runs the work and shows it; passes on what it throws
 * @property {(text: string) => void} note a line of its own
 */

/**
 * @param {NodeJS.WriteStream} stream
 * @returns {Progress}
 */
export function createProgress(stream) {
	return stream.isTTY ? movingProgress(stream) : plainProgress(stream);
}

/**
 * Seconds as people write them.
 *
 * @param {number} ms
 */
export function formatDuration(ms) {
	if (ms < 1_000) return `${Math.round(ms)} ms`;
	const seconds = ms / 1_000;
	if (seconds < 60) return `${seconds.toFixed(1)} s`;
	return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/**
 * @param {NodeJS.WriteStream} stream
 * @returns {Progress}
 */
function plainProgress(stream) {
	return {
		async step(title, work) {
			const started = performance.now();
			stream.write(`${title} …\n`);
			try {
				const result = await work();
				stream.write(`${title}: done in ${formatDuration(performance.now() - started)}\n`);
				return result;
			} catch (thrown) {
				stream.write(`${title}: failed after ${formatDuration(performance.now() - started)}\n`);
				throw thrown;
			}
		},
		note: (text) => void stream.write(`${text}\n`),
	};
}

/**
 * @param {NodeJS.WriteStream} stream
 * @returns {Progress}
 */
function movingProgress(stream) {
	/** @type {string | undefined} */
	let line;
	const show = () => {
		if (line !== undefined) stream.write(`\r\x1b[2K${line}`);
	};
	return {
		async step(title, work) {
			const started = performance.now();
			let frame = 0;
			const elapsed = () => formatDuration(performance.now() - started);
			const draw = () => {
				line = `\x1b[36m${FRAMES[frame++ % FRAMES.length]}\x1b[39m ${title} \x1b[2m${elapsed()}\x1b[22m`;
				show();
			};
			draw();
			const timer = setInterval(draw, FRAME_MS);
			/** @param {string} mark */
			const end = (mark) => {
				clearInterval(timer);
				line = undefined;
				stream.write(`\r\x1b[2K${mark} ${title} \x1b[2m${elapsed()}\x1b[22m\n`);
			};
			try {
				const result = await work();
				end("\x1b[32m✔\x1b[39m");
				return result;
			} catch (thrown) {
				end("\x1b[31m✖\x1b[39m");
				throw thrown;
			}
		},
		note(text) {
			stream.write(`\r\x1b[2K${text}\n`);
			show();
		},
	};
}
