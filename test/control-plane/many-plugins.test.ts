// A tenant with more plugins than an answer holds: lists come in pages, an explanation names those that matter for its scope.
import type { Explanation, PluginList } from "@hookbus/schemas";
import { beforeAll, describe, expect, test } from "vitest";
import type { ProblemBody } from "../support/api-client.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows } from "./stored-names.js";

const PLUGINS = 250;

function names(list: PluginList): string[] {
	return list.items.map(({ name }) => name);
}

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let control: StartedControlPlane;

	beforeAll(async () => {
		const nats = await startNats();
		control = await startTestControlPlane({ natsUrl: nats.url, databaseUrl: await create() });
		const { database } = control.plane;
		const numbers = `generate_series(1, ${PLUGINS}) AS n`;
		await rows(
			database,
			`INSERT INTO plugins (tenant, name, version, enabled) SELECT 'default', 'plugin-' || lpad(n::text, 3, '0'), '1.0.0', n % 2 = 0 FROM ${numbers}`,
		);
		await rows(
			database,
			`INSERT INTO plugin_versions (tenant, plugin, version, digest, size, manifest, module, created_by)
				SELECT 'default', 'plugin-' || lpad(n::text, 3, '0'), '1.0.0', repeat('a', 64), 8, jsonb_build_object(
					'spec', '1', 'name', 'plugin-' || lpad(n::text, 3, '0'), 'version', '1.0.0', 'hookbus', '^1.0.0', 'author', 'x', 'license', 'MIT',
					'description', CASE n WHEN 77 THEN 'Größe' WHEN 78 THEN '\u212Aelvin' ELSE 'plain' END, 'category', 'c', 'tags', jsonb_build_array('tag-' || n % 10),
					'hooks', jsonb_build_array(jsonb_build_object('hook', 'on_chat_message', 'effect', 'gate'))), '\\x00', 'test'
				FROM ${numbers}`,
		);
		await rows(
			database,
			"INSERT INTO bindings (tenant, plugin, assistant) VALUES ('default', 'plugin-200', 'bot'), ('default', 'plugin-240', NULL)",
		);
	});

	const list = async (query: string) => (await control.admin.get<PluginList>(`/api/v1/plugins?${query}`)).body;

	test("the list comes in pages, each plugin on one of them, by name", async () => {
		const found: string[] = [];
		let cursor: string | undefined;
		do {
			const page = await list(`limit=100${cursor === undefined ? "" : `&cursor=${cursor}`}`);
			found.push(...names(page));
			cursor = page.next;
		} while (cursor !== undefined);
		expect(found).toHaveLength(PLUGINS);
		expect(found).toEqual([...new Set(found)].sort());
		expect(names(await list(""))).toHaveLength(200);
	});

	test("each filter holds for the pages too", async () => {
		const enabled = await list("status=enabled&limit=100");
		expect(names(enabled).slice(0, 2)).toEqual(["plugin-002", "plugin-004"]);
		expect(names(await list(`status=enabled&limit=100&cursor=${enabled.next}`))).toHaveLength(25);
		expect(names(await list("tag=tag-7&limit=500"))).toHaveLength(25);
		expect(names(await list("text=GR%C3%96SSE"))).toEqual([]);
		expect(names(await list("text=pLaIn&limit=500"))).toHaveLength(PLUGINS - 2);
		expect(names(await list("text=kelvin"))).toEqual(["plugin-078"]);
		expect(names(await list("text=gR%C3%96%C3%9Fe"))).toEqual(["plugin-077"]);
		const text = await list("text=gin-1&limit=60");
		expect(text.items).toHaveLength(60);
		expect(names(await list(`text=gin-1&limit=60&cursor=${text.next}`))).toHaveLength(40);
		expect(await control.admin.get<ProblemBody>("/api/v1/plugins?cursor=nonsense")).toMatchObject({
			status: 400,
			body: { code: "cursor_invalid" },
		});
	});

	test("an explanation names what is bound in its scope, and says how many others it leaves out", async () => {
		const explained = async (id: string) => (await control.admin.get<Explanation>(`/api/v1/assistants/${id}/explain`)).body;
		const bot = await explained("bot");
		expect(bot.hooks.on_chat_message.chain.map(({ plugin }) => plugin)).toEqual(["plugin-200", "plugin-240"]);
		expect(bot.hooks.on_chat_message.leftOut).toHaveLength(100);
		expect(bot.unlisted).toBe(PLUGINS - 102);
		const other = await explained("other");
		expect(other.hooks.on_chat_message.chain.map(({ plugin }) => plugin)).toEqual(["plugin-240"]);
		expect(other.unlisted).toBe(PLUGINS - 101);
	});
});
