// Trust is asked again wherever a version comes into service, not only when it is installed: by a rollback, by a rollout, and while
// a rollout runs. Over both databases.
import {
	type PluginChange,
	type PluginDetail,
	type Rollout,
	type RolloutChange,
	type RouteTable,
	sha256Of,
} from "@hookbus/schemas";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { closeAfter } from "../support/close-after.js";
import { makeSigner, type Signer } from "../support/make-signer.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows } from "./stored-names.js";

const PATH = "/api/v1/plugins/tester";
const first = makeSigner();
const second = makeSigner();

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let api: ApiClient;

	beforeAll(async () => {
		control = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", databaseUrl: await create() });
		api = control.admin;
	});
	afterEach(async () => {
		await api.put("/api/v1/trust-policy", { requireSignature: false });
		await api.delete(PATH);
		for (const { keyId } of [first, second]) await api.delete(`/api/v1/trusted-publishers/${keyId}`);
	});

	const trust = (name: string, { publicKey }: Signer) => api.post("/api/v1/trusted-publishers", { name, publicKey });
	const distrust = ({ keyId }: Signer) => api.delete(`/api/v1/trusted-publishers/${keyId}`);
	const demandSignatures = () => api.put("/api/v1/trust-policy", { requireSignature: true });
	const show = async () => (await api.get<PluginDetail>(PATH)).body;
	const packageOf = (version: string, signer?: Signer) =>
		buildPackage({ version, salt: version, ...(signer === undefined ? {} : { signWith: signer.privateKey }) });

	/** Version 1.0.0 runs, signed by the first publisher or by nobody; 2.0.0 comes after it, signed by the second. */
	async function installBoth(signer: Signer | undefined, query = ""): Promise<void> {
		await trust("First", first);
		await trust("Second", second);
		const one = await api.install({ file: (await packageOf("1.0.0", signer)).zip, fields: { grants: "all", enable: "true" } });
		expect(one.status).toBe(201);
		await api.put(`${PATH}/publisher`, { keyId: second.keyId });
		expect((await api.update("tester", { file: (await packageOf("2.0.0", second)).zip }, query)).status).toBe(200);
	}

	const newestTable = async () => {
		const [row] = await rows(control.plane.database, `SELECT route_table FROM outbox ORDER BY revision DESC LIMIT 1`);
		return row?.["route_table"] as RouteTable;
	};
	const tamper = (version: string) =>
		rows(
			control.plane.database,
			`UPDATE plugin_versions SET digest = '${"e".repeat(64)}' WHERE plugin = 'tester' AND version = '${version}'`,
		);

	test("SC-01 the digest in the route table is the one that the publisher signed", async () => {
		await installBoth(first);
		const { module } = await packageOf("2.0.0", second);
		expect((await newestTable()).plugins["tester"]).toMatchObject({ version: "2.0.0", digest: sha256Of(module) });
		const stored = await rows(control.plane.database, "SELECT signature FROM plugin_versions WHERE version = '2.0.0'");
		const signed = expect.arrayContaining([{ path: "plugin.wasm", sha256: sha256Of(module) }]);
		expect(stored).toMatchObject([{ signature: { files: signed } }]);
	});

	const changes: { title: string; signer: Signer | undefined; change: () => Promise<unknown>; code: string }[] = [
		{ title: "whose publisher is trusted no more", signer: first, change: () => distrust(first), code: "publisher_unknown" },
		{
			title: "without a signature, where one is demanded since",
			signer: undefined,
			change: demandSignatures,
			code: "signature_missing",
		},
		{
			title: "whose stored digest is not the signed one",
			signer: first,
			change: () => tamper("1.0.0"),
			code: "signature_invalid",
		},
	];

	test.each(changes)("SC-04 a version $title does not come back by a rollback", async ({ signer, change, code }) => {
		await installBoth(signer);
		await change();
		const before = await newestTable();
		expect(await api.post<ProblemBody>(`${PATH}/rollback`)).toMatchObject({ status: 422, body: { code } });
		// Not through a plugin that is switched off either.
		await api.post(`${PATH}/disable`);
		expect(await api.post<ProblemBody>(`${PATH}/rollback`)).toMatchObject({ status: 422, body: { code } });
		expect(await show()).toMatchObject({ version: "2.0.0", status: "disabled" });
		expect(before.plugins["tester"]?.version).toBe("2.0.0");
	});

	test("a rollback to a version that may still run works, and one of the configuration alone asks nobody", async () => {
		await installBoth(first);
		const back = await api.post<PluginChange>(`${PATH}/rollback`);
		expect(back).toMatchObject({ status: 200, body: { plugin: { version: "1.0.0" } } });
		await api.put(`${PATH}/limits`, { timeoutMs: 77 });
		await distrust(first);
		const limits = await api.post<PluginChange>(`${PATH}/rollback`);
		expect(limits).toMatchObject({ status: 200, body: { plugin: { version: "1.0.0", limits: { set: {} } } } });
	});

	describe("rollouts", () => {
		const begin = <T = RolloutChange>() =>
			api.post<T>(`${PATH}/rollouts`, { version: "2.0.0", percentage: 10, minEvents: 1_000 });
		const ended = (id: string) =>
			waitFor("the rollout is stopped", async () => {
				const { body } = await api.get<Rollout>(`${PATH}/rollouts/${id}`);
				return body.state === "running" ? undefined : body;
			});
		const recall = async () => {
			const answer = await api.post<{ recall: { id: string } }>("/api/v1/recalls", {
				plugin: "tester",
				versions: "2.0.0",
				reason: "it steals cookies",
			});
			const { id } = answer.body.recall;
			closeAfter(() => api.delete(`/api/v1/recalls/${id}`));
			return id;
		};

		test("SC-04 a version that the tenant does not trust is not rolled out", async () => {
			await installBoth(first, "?activate=false");
			await distrust(second);
			expect(await begin<ProblemBody>()).toMatchObject({ status: 422, body: { code: "publisher_unknown" } });
			await trust("Second", second);
			await tamper("2.0.0");
			expect(await begin<ProblemBody>()).toMatchObject({ status: 422, body: { code: "signature_invalid" } });
		});

		test("SC-07 when the candidate's publisher is trusted no more it cannot be promoted, and its rollout is stopped", async () => {
			await installBoth(first, "?activate=false");
			const { id } = (await begin()).body.rollout;
			expect((await newestTable()).plugins).toHaveProperty("tester@2.0.0");
			// At once: the watch looks once a second.
			await distrust(second);
			const promoted = await api.post<ProblemBody>(`${PATH}/rollouts/${id}/promote`);
			expect(["publisher_unknown", "rollout_ended"]).toContain(promoted.body.code);
			const stopped = await ended(id);
			expect(stopped).toMatchObject({ state: "stopped", endedBy: "system" });
			expect(stopped.reason).toContain("publisher_unknown");
			expect((await newestTable()).plugins).not.toHaveProperty("tester@2.0.0");
			expect(await show()).toMatchObject({ version: "1.0.0", status: "enabled" });
		});

		test("SC-07 a recalled candidate leaves the table with the recall, and its rollout is stopped with the reason", async () => {
			await installBoth(first, "?activate=false");
			const { id } = (await begin()).body.rollout;
			const recallId = await recall();
			expect((await newestTable()).plugins).not.toHaveProperty("tester@2.0.0");
			const stopped = await ended(id);
			expect(stopped.reason).toContain("it steals cookies");
			// The version that runs is another one: nothing disabled it, and it can be changed again.
			expect(await show()).toMatchObject({ version: "1.0.0", status: "enabled" });
			expect((await api.put(`${PATH}/limits`, { timeoutMs: 80 })).status).toBe(200);
			// The recall came first: taking it back does not bring the candidate back.
			await api.delete(`/api/v1/recalls/${recallId}`);
			expect((await newestTable()).plugins).not.toHaveProperty("tester@2.0.0");
		});

		test("SC-07 a rollout goes on while its candidate is trusted, whatever is said of other publishers", async () => {
			await installBoth(first, "?activate=false");
			const { id } = (await begin()).body.rollout;
			await distrust(first);
			// Two looks of the watch.
			await new Promise((resolve) => setTimeout(resolve, 2_200));
			expect((await api.get<Rollout>(`${PATH}/rollouts/${id}`)).body.state).toBe("running");
			expect((await api.post<RolloutChange>(`${PATH}/rollouts/${id}/promote`)).body.rollout.state).toBe("promoted");
		});
	});
});
