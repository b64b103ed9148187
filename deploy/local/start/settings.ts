// Settings of `npm start`: its own, and those that it hands on to the services. A service refuses a variable that it does
// not know, so each gets exactly its own.
import { isAbsolute, join } from "node:path";
import { parseArgs } from "node:util";
import { REPOSITORY } from "../repository.js";
import { CONTROL_PLANE_SETTINGS, RUNTIME_SETTINGS } from "./service-settings.js";

export interface StartSettings {
	/** Stop after the first event; the exit code says whether it went through. */
	readonly once: boolean;
	/** One JSON object on standard output instead of text. */
	readonly json: boolean;
	/** Directory of all data. */
	readonly home: string;
	/** NATS server to use; undefined: one of our own. */
	readonly natsUrl: string | undefined;
	readonly ports: Readonly<Record<PortName, WantedPort>>;
	/** Environment of each service, without what `npm start` decides itself. */
	readonly environments: Readonly<Record<"controlPlane" | "runtime", NodeJS.ProcessEnv>>;
}

export interface WantedPort {
	readonly port: number;
	/** Asked for by name: when it is taken, that is an error and no other one is used. */
	readonly explicit: boolean;
}

const PORTS = {
	nats: { variable: "HOOKBUS_NATS_PORT", standard: 4222 },
	controlPlane: { variable: "HOOKBUS_CONTROL_PLANE_PORT", standard: 8080 },
	runtime: { variable: "HOOKBUS_RUNTIME_PORT", standard: 8081 },
} as const;
export type PortName = keyof typeof PORTS;

const HOME = "HOOKBUS_HOME";
/** Decided here, for each service its own; to set them, use the variables above. */
const DECIDED = ["HOOKBUS_NATS_URL", "HOOKBUS_HTTP_PORT", "HOOKBUS_DATA_DIR", "HOOKBUS_CACHE_DIR", "HOOKBUS_ADMIN_KEY_FILE"];

export const HELP = `npm start [-- options]

  --once   start, send one event, stop; the exit code says whether it went through
  --json   one JSON object on standard output; what happens is told on standard error
  --help   this text

  NATS_URL                     NATS server with JetStream; default: one of our own
  DATABASE_URL                 PostgreSQL; default: PGlite in the data directory
  ${HOME}                 data directory; default .hookbus
  HOOKBUS_NATS_PORT            port of our own NATS server; default 4222, or the next free one
  HOOKBUS_CONTROL_PLANE_PORT   port of the REST API; default 8080, or the next free one
  HOOKBUS_RUNTIME_PORT         port of the runtime's metrics; default 8081, or the next free one
  HOOKBUS_MASTER_KEY           32 bytes, base64; default: made at the first start, in the data directory
  HOOKBUS_…                    every other setting of the services goes to them
`;

/**
 * @throws Error that names the variable or the option and what it may be
 */
export function readStartSettings(args: readonly string[], env: NodeJS.ProcessEnv): StartSettings & { readonly help: boolean } {
	const { values } = parseArgs({
		args: [...args],
		options: { once: { type: "boolean" }, json: { type: "boolean" }, help: { type: "boolean" } },
	});
	const home = env[HOME] ?? ".hookbus";
	const controlPlane = withFiles(CONTROL_PLANE_SETTINGS);
	const runtime = withFiles(RUNTIME_SETTINGS);
	const own: string[] = [HOME, ...Object.values(PORTS).map(({ variable }) => variable)];
	for (const name of Object.keys(env).filter((name) => name.startsWith("HOOKBUS_"))) {
		if (DECIDED.includes(name)) {
			throw new Error(`${name} is decided by npm start, for each service its own; use NATS_URL, ${own.join(", ")}`);
		}
		if (!own.includes(name) && !controlPlane.has(name) && !runtime.has(name)) {
			throw new Error(`${name} is no setting of Hookbus; correct or remove it (npm start -- --help lists them)`);
		}
	}
	return {
		help: values.help === true,
		once: values.once === true,
		json: values.json === true,
		home: isAbsolute(home) ? home : join(REPOSITORY, home),
		natsUrl: env["NATS_URL"] || undefined,
		ports: {
			nats: readPort("nats", env),
			controlPlane: readPort("controlPlane", env),
			runtime: readPort("runtime", env),
		},
		environments: {
			controlPlane: pick(env, (name) => controlPlane.has(name)),
			runtime: withoutDatabase(pick(env, (name) => runtime.has(name))),
		},
	};
}

/** Each setting can also be read from a file. */
function withFiles(names: readonly string[]): ReadonlySet<string> {
	return new Set(names.flatMap((name) => [name, `${name}_FILE`]));
}

/** What is not ours, and of ours what the service knows. */
function pick(env: NodeJS.ProcessEnv, known: (name: string) => boolean): NodeJS.ProcessEnv {
	return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("HOOKBUS_") || known(name)));
}

/** The runtime has no database; what it does not have it cannot leak. */
function withoutDatabase({ DATABASE_URL: _url, ...env }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
	return env;
}

function readPort(name: PortName, env: NodeJS.ProcessEnv): WantedPort {
	const { variable, standard } = PORTS[name];
	const text = env[variable];
	if (text === undefined || text === "") return { port: standard, explicit: false };
	const port = Number(text);
	if (!Number.isInteger(port) || port < 1 || port > 65_535)
		throw new Error(`${variable} is "${text}"; it has to be a port, 1 to 65535`);
	return { port, explicit: true };
}

/** The variable that sets a port. */
export function portVariable(name: PortName): string {
	return PORTS[name].variable;
}
