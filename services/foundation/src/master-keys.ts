// The master keys of a service, and the data keys of tenants that they wrap. Each tenant has keys of its own, so that what is said
// about one (a leaked one, a new one, a deleted one) is about one tenant; the master key itself stands in no database and on no bus.
// A second master key opens only: while a fleet moves from one to the other, every process can read what either has wrapped.
import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { SealedSecret } from "@hookbus/schemas";
import { defineErrors, describeError } from "./define-errors.js";
import { createSealingKey, KEY_BYTES, type SealingKey, sealedWith } from "./sealing-key.js";

const errors = defineErrors({
	master_key_invalid: { title: "The master key is not valid", status: 500, retryable: false },
	data_key_unreadable: { title: "A data key cannot be unwrapped", status: 500, retryable: false },
});

/** A tenant's data key as it is stored: wrapped, bound to tenant and id. */
export interface DataKey {
	readonly id: string;
	readonly wrapped: SealedSecret;
}

export interface MasterKeys {
	/** Wraps what is wrapped from now on. */
	readonly current: SealingKey;
	/** Opens only; undefined: there is one key. */
	readonly previous: SealingKey | undefined;
	/** The master key of this id. */
	find(id: string): SealingKey | undefined;
	/** Makes a data key for a tenant. */
	makeDataKey(tenant: string): Promise<DataKey>;
	/** Throws CodedError `data_key_unreadable` when no master key here wrapped it, for this tenant and id. */
	unwrap(tenant: string, key: DataKey): Promise<SealingKey>;
	/** The same key, wrapped with the current master key. Throws CodedError `data_key_unreadable`. */
	wrapAnew(tenant: string, key: DataKey): Promise<DataKey>;
}

/**
 * @param current 32 bytes, base64
 * @param previous 32 bytes, base64; undefined: none
 * @throws CodedError `master_key_invalid`
 */
export function createMasterKeys(current: string, previous?: string): MasterKeys {
	const wrapping = masterKey("HOOKBUS_MASTER_KEY", current);
	const opening = previous === undefined ? undefined : masterKey("HOOKBUS_MASTER_KEY_PREVIOUS", previous);
	const find = (id: string) => [wrapping, opening].find((key) => key?.id === id);
	const wrap = async (tenant: string, id: string, bytes: Uint8Array): Promise<DataKey> => ({
		id,
		wrapped: { jwe: await wrapping.seal(bytes, [tenant, id]) },
	});
	const open = async (tenant: string, { id, wrapped }: DataKey): Promise<Uint8Array> => {
		const wrappedWith = sealedWith(wrapped) ?? "unknown";
		const key = find(wrappedWith);
		try {
			if (key === undefined) throw new Error("it is neither HOOKBUS_MASTER_KEY nor HOOKBUS_MASTER_KEY_PREVIOUS");
			const bytes = await key.open(wrapped.jwe, [tenant, id]);
			if (bytes.length !== KEY_BYTES) throw new Error(`it holds ${bytes.length} bytes`);
			return bytes;
		} catch (thrown) {
			throw errors.data_key_unreadable(
				`data key ${id} of tenant ${tenant} cannot be unwrapped with master key ${wrappedWith} (${describeError(thrown)}); ` +
					"set the master key that wrapped it",
				{ cause: thrown },
			);
		}
	};
	return {
		current: wrapping,
		previous: opening,
		find,
		makeDataKey: (tenant) => wrap(tenant, randomUUID(), randomBytes(KEY_BYTES)),
		unwrap: async (tenant, key) => createSealingKey(key.id, await open(tenant, key)),
		wrapAnew: async (tenant, key) => await wrap(tenant, key.id, await open(tenant, key)),
	};
}

function masterKey(setting: string, text: string): SealingKey {
	const bytes = Buffer.from(text, "base64");
	if (bytes.length !== KEY_BYTES) {
		throw errors.master_key_invalid(
			`${setting} holds ${bytes.length} bytes after base64 decoding; it needs ${KEY_BYTES} (openssl rand -base64 32)`,
		);
	}
	return createSealingKey(createHash("sha256").update(bytes).digest("hex").slice(0, 16), bytes);
}
