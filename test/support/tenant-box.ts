// Boxes of secrets as the services have them: with a data key of the tenant; and values as releases before data keys sealed them.
import { createHash } from "node:crypto";
import {
	createMasterKeys,
	createSecretBox,
	type DataKey,
	type DataKeys,
	type SecretBox,
	type SecretPlace,
} from "@hookbus/foundation";
import type { SealedSecret } from "@hookbus/schemas";
import { FlattenedEncrypt } from "jose";

export interface TenantBox {
	readonly box: SecretBox;
	readonly dataKey: DataKey;
	/** As they stand in a route table. */
	readonly dataKeys: DataKeys;
}

/** A box with a fresh data key of the tenant. */
export async function makeTenantBox(tenant: string, masterKey: string): Promise<TenantBox> {
	const master = createMasterKeys(masterKey);
	const dataKey = await master.makeDataKey(tenant);
	const dataKeys = { [dataKey.id]: dataKey.wrapped };
	return { box: createSecretBox(master, dataKeys, async () => dataKey), dataKey, dataKeys };
}

/** Seals under the master key itself, as the first releases did; written down here so that what they stored opens for ever. */
export async function sealDirectly(masterKey: string, plaintext: string, place: SecretPlace): Promise<SealedSecret> {
	const key = Buffer.from(masterKey, "base64");
	const { tenant, plugin, field, user } = place;
	const bound = [tenant, plugin, field, ...(user === undefined ? [] : [user])];
	const jwe = await new FlattenedEncrypt(new TextEncoder().encode(plaintext))
		.setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: createHash("sha256").update(key).digest("hex").slice(0, 16) })
		.setAdditionalAuthenticatedData(new TextEncoder().encode(JSON.stringify(bound)))
		.encrypt(key);
	return { jwe: { ...jwe } };
}
