import { ControlPlaneSettings } from "@hookbus/control-plane";
import { RuntimeSettings } from "@hookbus/runtime";
import { describe, expect, test } from "vitest";
import { CONTROL_PLANE_SETTINGS, RUNTIME_SETTINGS } from "../../deploy/local/start/service-settings.js";
import { HELP, readStartSettings } from "../../deploy/local/start/settings.js";

describe("the names of the services' settings", () => {
	test("are those of the control plane", () => {
		expect([...CONTROL_PLANE_SETTINGS].sort()).toEqual(Object.keys(ControlPlaneSettings.properties).sort());
	});

	test("are those of the runtime", () => {
		expect([...RUNTIME_SETTINGS].sort()).toEqual(Object.keys(RuntimeSettings.properties).sort());
	});
});

describe("npm start", () => {
	test("has a default for everything", () => {
		const settings = readStartSettings([], {});
		expect(settings).toMatchObject({ once: false, json: false, natsUrl: undefined });
		expect(settings.ports).toEqual({
			nats: { port: 4222, explicit: false },
			controlPlane: { port: 8080, explicit: false },
			runtime: { port: 8081, explicit: false },
		});
		expect(settings.home).toMatch(/\.hookbus$/);
	});

	test("hands each service its own settings and no others", () => {
		const { environments } = readStartSettings([], {
			PATH: "/bin",
			HOOKBUS_THREADS: "2",
			HOOKBUS_MAX_UPLOAD_BYTES: "2048",
			HOOKBUS_LOG_LEVEL: "debug",
			HOOKBUS_NATS_PORT: "4300",
		});
		expect(environments.runtime).toEqual({ PATH: "/bin", HOOKBUS_THREADS: "2", HOOKBUS_LOG_LEVEL: "debug" });
		expect(environments.controlPlane).toEqual({ PATH: "/bin", HOOKBUS_MAX_UPLOAD_BYTES: "2048", HOOKBUS_LOG_LEVEL: "debug" });
	});

	test("keeps the database away from the runtime", () => {
		const { environments } = readStartSettings([], { DATABASE_URL: "postgres://db/x" });
		expect(environments.controlPlane).toEqual({ DATABASE_URL: "postgres://db/x" });
		expect(environments.runtime).toEqual({});
	});

	test.each([
		[{ HOOKBUS_TREADS: "2" }, "HOOKBUS_TREADS is no setting of Hookbus"],
		[{ HOOKBUS_HTTP_PORT: "9000" }, "HOOKBUS_HTTP_PORT is decided by npm start"],
		[{ HOOKBUS_NATS_PORT: "many" }, 'HOOKBUS_NATS_PORT is "many"; it has to be a port'],
	])("refuses %j", (env, message) => {
		expect(() => readStartSettings([], env)).toThrow(message);
	});

	test("refuses an option that it does not know", () => {
		expect(() => readStartSettings(["--twice"], {})).toThrow("--twice");
	});

	test("names its options and variables in its help", () => {
		for (const name of ["--once", "--json", "NATS_URL", "DATABASE_URL", "HOOKBUS_NATS_PORT", "HOOKBUS_HOME"]) {
			expect(HELP).toContain(name);
		}
	});
});
