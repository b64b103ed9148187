// Writes a tenant's failure policy where the control plane writes it.
import { type HookPolicy, POLICY_BUCKET } from "@hookbus/schemas";
import { connect } from "nats";

let revision = 0;

/** Puts a policy with these rules into the bucket, making the bucket when it is missing; returns the policy's revision. */
export async function putPolicy(url: string, tenant: string, hooks: HookPolicy["hooks"]): Promise<number> {
	revision++;
	const policy: HookPolicy = { spec: "1", tenant, revision, hooks };
	await putRawPolicy(url, tenant, JSON.stringify(policy));
	return revision;
}

export async function putRawPolicy(url: string, tenant: string, value: string): Promise<void> {
	await withBucket(url, (bucket) => bucket.put(tenant, value));
}

export async function deletePolicy(url: string, tenant: string): Promise<void> {
	await withBucket(url, (bucket) => bucket.delete(tenant));
}

/** Removes the bucket with all policies. */
export async function destroyPolicies(url: string): Promise<void> {
	await withBucket(url, (bucket) => bucket.destroy());
}

type Bucket = Awaited<ReturnType<ReturnType<Awaited<ReturnType<typeof connect>>["jetstream"]>["views"]["kv"]>>;

async function withBucket(url: string, act: (bucket: Bucket) => Promise<unknown>): Promise<void> {
	const connection = await connect({ servers: url });
	try {
		await act(await connection.jetstream({ timeout: 30_000 }).views.kv(POLICY_BUCKET));
	} finally {
		await connection.close();
	}
}
