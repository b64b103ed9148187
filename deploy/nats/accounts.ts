// The accounts of the bus and what goes from one into another. Each tenant has its own, so that a message of a tenant reaches
// nothing but what stands here, whatever reply subject it names:
//
//   events for a verdict     out as a stream: the runtime sees the reply subject and answers only the tenant's inboxes, and a
//                            publisher learns at once when nobody listens
//   durable events, policy   as a service: JetStream answers to a subject of the server's own, never to one of the tenant's choice
//   verdicts, changes of the policy, what plugins publish, notices   in as streams
import {
	eventSubjectForAllAssistants,
	HOOK_NAMES,
	HOOKS,
	type HookSemantics,
	isSubjectToken,
	noticeSubject,
	policySubject,
	readPolicySubject,
} from "@hookbus/schemas";
import { controlPlane, inboxesOf, listener, operator, type Permissions, publishedOf, publisher, runtime } from "./permissions.js";

/** How a user proves who it is: public nkey, or name and password. */
export type Identity = { readonly nkey: string } | { readonly user: string; readonly password: string };

export interface BusUsers {
	readonly controlPlane: Identity;
	readonly operator: Identity;
	/** By the id of the runtime (HOOKBUS_RUNTIME_ID). */
	readonly runtimes: Readonly<Record<string, Identity>>;
	/** By tenant. */
	readonly tenants: Readonly<
		Record<string, { readonly publishers: readonly Identity[]; readonly listeners: readonly Identity[] }>
	>;
}

type Transfer =
	| { readonly stream: string | { account: string; subject: string }; readonly accounts?: readonly string[] }
	| { readonly service: string | { account: string; subject: string }; readonly accounts?: readonly string[] };

export interface Account {
	readonly users: readonly (Identity & { readonly permissions: PermissionBlock })[];
	readonly jetstream?: "enabled";
	readonly exports?: readonly Transfer[];
	readonly imports?: readonly Transfer[];
}

interface PermissionBlock {
	readonly publish: { readonly allow: readonly string[] } | { readonly deny: string };
	readonly subscribe: { readonly allow: readonly string[] } | { readonly deny: string };
}

export const SERVICE_ACCOUNT = "HOOKBUS";
export const SYSTEM_ACCOUNT = "SYS";
export const accountOf = (tenant: string): string => `TENANT_${tenant}`;

/**
 * All accounts by their names.
 *
 * @throws Error when a name cannot be that of a tenant or a runtime, or when there is no runtime
 */
export function accountsOf(users: BusUsers): Record<string, Account> {
	const tenants = Object.keys(users.tenants);
	const runtimes = Object.keys(users.runtimes);
	for (const tenant of tenants) checkTenant(tenant);
	for (const id of runtimes) {
		if (!isSubjectToken(id)) throw new Error(`"${id}" is no id of a runtime; use 1–64 characters of A–Z a–z 0–9 _ -`);
	}
	if (runtimes.length === 0) throw new Error("there is no runtime; name at least one, as in HOOKBUS_RUNTIME_ID");
	return {
		[SYSTEM_ACCOUNT]: { users: [user(users.operator, operator())] },
		[SERVICE_ACCOUNT]: {
			jetstream: "enabled",
			users: [
				user(users.controlPlane, controlPlane()),
				...Object.entries(users.runtimes).map(([id, identity]) => user(identity, runtime(id, tenants))),
			],
			imports: tenants.flatMap((tenant) =>
				eventsBy("reply", tenant).map((subject) => ({ stream: { account: accountOf(tenant), subject } })),
			),
			exports: tenants.flatMap((tenant) => {
				const accounts = [accountOf(tenant)];
				return [
					...servicesFor(tenant).map((service) => ({ service, accounts })),
					...streamsFor(tenant).map((stream) => ({ stream, accounts })),
				];
			}),
		},
		...Object.fromEntries(tenants.map((tenant) => [accountOf(tenant), tenantAccount(tenant, users)])),
	};
}

function tenantAccount(tenant: string, users: BusUsers): Account {
	const { publishers = [], listeners = [] } = users.tenants[tenant] ?? {};
	return {
		users: [
			...publishers.map((identity) => user(identity, publisher(tenant))),
			...listeners.map((identity) => user(identity, listener(tenant))),
		],
		exports: eventsBy("reply", tenant).map((stream) => ({ stream, accounts: [SERVICE_ACCOUNT] })),
		imports: [
			...servicesFor(tenant).map((subject) => ({ service: { account: SERVICE_ACCOUNT, subject } })),
			...streamsFor(tenant).map((subject) => ({ stream: { account: SERVICE_ACCOUNT, subject } })),
		],
	};
}

/** Events that somebody waits for (`reply`), or that a stream takes (`durable`). */
function eventsBy(delivery: HookSemantics["delivery"], tenant: string): string[] {
	return HOOK_NAMES.filter((hook) => HOOKS[hook].delivery === delivery).map((hook) => eventSubjectForAllAssistants(tenant, hook));
}

function servicesFor(tenant: string): string[] {
	return [...eventsBy("durable", tenant), readPolicySubject(tenant)];
}

function streamsFor(tenant: string): string[] {
	return [inboxesOf(tenant), policySubject(tenant), publishedOf(tenant), noticeSubject(tenant)];
}

/** An empty list would mean "everything". */
function user(identity: Identity, { publish, subscribe }: Permissions): Account["users"][number] {
	return {
		...identity,
		permissions: {
			publish: publish.length === 0 ? { deny: ">" } : { allow: publish },
			subscribe: subscribe.length === 0 ? { deny: ">" } : { allow: subscribe },
		},
	};
}

function checkTenant(tenant: string): void {
	if (!isSubjectToken(tenant)) throw new Error(`"${tenant}" is no name of a tenant; use 1–64 characters of A–Z a–z 0–9 _ -`);
	// Their inboxes would be those of the services.
	if (tenant.startsWith("runtime_") || tenant === "control_plane") {
		throw new Error(
			`a tenant cannot be called "${tenant}": names that begin with runtime_, and control_plane, are the services'`,
		);
	}
}
