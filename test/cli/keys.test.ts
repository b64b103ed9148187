// The command that rotates keys, as an operator calls it, against a control plane without and with something to do.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXIT, runCommand } from "@hookbus/cli";
import { expect, test } from "vitest";
import { buildPackage } from "../support/build-package.js";
import { TEST_MASTER_KEY } from "../support/route-tables.js";
import { SECRET_MANIFEST } from "../support/secret-plugin.js";
import { randomMasterKey, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";

async function hookbus(...args: string[]): Promise<{ code: number; said: string; progress: string }> {
	const [said, progress]: string[][] = [[], []];
	const code = await runCommand(args, { print: (line) => said?.push(line), complain: (line) => progress?.push(line) });
	return { code, said: (said ?? []).join("\n"), progress: (progress ?? []).join("\n") };
}

test("keys are rotated with progress, what is left is said, and a machine gets the status", async () => {
	const nats = await startNats();
	const env = { HOOKBUS_MASTER_KEY: randomMasterKey(), HOOKBUS_MASTER_KEY_PREVIOUS: TEST_MASTER_KEY };
	const before = await startTestControlPlane({ natsUrl: nats.url });
	const { zip } = await buildPackage({ manifest: SECRET_MANIFEST });
	await before.admin.install({ file: zip, fields: { grants: "all" } });
	await before.admin.put("/api/v1/plugins/tester/config", { config: { key: "hush-hush" } });
	await before.admin.ready();
	await before.stop();
	const control = await startTestControlPlane({ natsUrl: nats.url, dataDir: before.dataDir, env });
	await control.admin.ready();
	const keyFile = join(before.dataDir, "key");
	writeFileSync(keyFile, `${before.plane.firstKey}\n`);
	const at = ["--url", control.url, "--key-file", keyFile];

	const asked = await hookbus("keys", "status", ...at);
	expect(asked.code).toBe(EXIT.done);
	expect(asked.said).toMatch(/previous key [0-9a-f]{16}, still needed/);
	expect(asked.said).toContain("left         1 data keys that another master key wrapped");
	const rotated = await hookbus("keys", "rotate", ...at);
	expect([rotated.code, rotated.said]).toEqual([EXIT.done, expect.stringContaining("left         nothing")]);
	expect(rotated.said).toContain("no longer needed: take HOOKBUS_MASTER_KEY_PREVIOUS away");
	expect(rotated.progress).toContain("1 of 1 tenants");
	const again = await hookbus("keys", "rotate", "--data-keys", "--json", ...at);
	expect(again.progress).toBe("");
	expect(JSON.parse(again.said)).toMatchObject({ ok: true, done: true, dataKeys: 1, rotation: { dataKeys: true } });

	writeFileSync(keyFile, "hbk_wrong");
	expect(await hookbus("keys", "rotate", ...at)).toMatchObject({
		code: EXIT.refused,
		progress: expect.stringContaining("the control plane refuses"),
	});
	expect(await hookbus("keys", "status", "--url", "http://127.0.0.1:9", "--key-file", keyFile)).toMatchObject({
		code: EXIT.refused,
		progress: expect.stringContaining("the control plane at http://127.0.0.1:9 cannot be reached"),
	});
	expect(await hookbus("keys", "rotate")).toMatchObject({ code: EXIT.usage });
});
