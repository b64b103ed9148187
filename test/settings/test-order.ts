// The order of the test files: what is quick to fail and what the bus is for come first, so that a run which is cut short has
// seen the most important things. Within a folder large files start first, since they take longest.
import { statSync } from "node:fs";
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const FOLDERS = [
	"test/foundation",
	"test/schemas",
	"test/contracts",
	"test/runtime",
	"test/live",
	"test/plugins-wasm",
	"plugins-wasm",
	"test/client",
	"test/cli",
	"test/control-plane",
	"test/deploy",
];

export class TestOrder extends BaseSequencer {
	override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
		const root = this.ctx.config.root;
		const placed = files.map((file) => ({
			file,
			rank: rankOf(relative(root, file.moduleId)),
			size: statSync(file.moduleId).size,
		}));
		return placed.sort((a, b) => a.rank - b.rank || b.size - a.size).map(({ file }) => file);
	}
}

/** Folders that are not in the list come last. */
function rankOf(path: string): number {
	const rank = FOLDERS.findIndex((folder) => path.startsWith(`${folder}/`));
	return rank === -1 ? FOLDERS.length : rank;
}
