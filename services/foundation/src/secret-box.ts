// Seals secret configuration values for storage and for the way to the runtime, under the data key of their tenant. What is sealed
// is bound to its tenant, plugin, field, user and key: copied to another place it does not open there.
import { randomUUID } from "node:crypto";
import type { SealedSecret } from "@hookbus/schemas";
import { defineErrors, describeError } from "./define-errors.js";
import type { DataKey, MasterKeys } from "./master-keys.js";
import { type SealingKey, sealedWith } from "./sealing-key.js";

const errors = defineErrors({
	secret_unreadable: { title: "A sealed secret cannot be opened", status: 500, retryable: false },
});

export interface SecretPlace {
	readonly tenant: string;
	readonly plugin: string;
	readonly field: string;
	/** Id of the user whose own value it is; absent: it is everybody's. */
	readonly user?: string;
}

export interface SecretOpener {
	/** Opens what was sealed for this place. Throws CodedError `secret_unreadable` when key, place or bytes differ. */
	open(sealed: SealedSecret, place: SecretPlace): Promise<string>;
}

export interface SecretBox extends SecretOpener {
	/** Seals a text for one place. */
	seal(plaintext: string, place: SecretPlace): Promise<SealedSecret>;
	/** Seals a value of this place anew, with the key that `seal` takes. Throws CodedError `secret_unreadable`. */
	sealAnew(sealed: SealedSecret, place: SecretPlace): Promise<SealedSecret>;
}

/** Wrapped data keys of one tenant by their id. */
export type DataKeys = Readonly<Record<string, SealedSecret>>;

/** Opens what was sealed with one of these data keys, or, before there were any, with a master key itself. */
export function createSecretOpener(master: MasterKeys, dataKeys: DataKeys): SecretOpener {
	const unwrapped = new Map<string, Promise<SealingKey>>();
	const find = (tenant: string, id: string): Promise<SealingKey> | undefined => {
		const wrapped = Object.hasOwn(dataKeys, id) ? dataKeys[id] : undefined;
		if (wrapped === undefined) return undefined;
		const key = unwrapped.get(id) ?? master.unwrap(tenant, { id, wrapped });
		unwrapped.set(id, key);
		return key;
	};
	return {
		async open(sealed, place) {
			const id = sealedWith(sealed) ?? "unknown";
			try {
				const dataKey = await find(place.tenant, id);
				if (dataKey !== undefined) return text(await dataKey.open(sealed.jwe, [...boundTo(place), id]));
				const key = master.find(id);
				if (key === undefined) throw new Error("there is no such key here");
				return text(await key.open(sealed.jwe, boundTo(place)));
			} catch (thrown) {
				throw errors.secret_unreadable(
					`secret ${nameOf(place)} cannot be opened with key ${id} (${describeError(thrown)}); ` +
						"set the master key that it was sealed with, or set the secret again",
					{ cause: thrown },
				);
			}
		},
	};
}

/** @param sealWith the data key of the tenant for what is sealed from now on; asked for once, when something is sealed */
export function createSecretBox(master: MasterKeys, dataKeys: DataKeys, sealWith: () => Promise<DataKey>): SecretBox {
	const opener = createSecretOpener(master, dataKeys);
	const sealing = new Map<string, Promise<SealingKey>>();
	const keyOf = (tenant: string): Promise<SealingKey> => {
		const key = sealing.get(tenant) ?? sealWith().then((dataKey) => master.unwrap(tenant, dataKey));
		sealing.set(tenant, key);
		return key;
	};
	const seal = async (plaintext: string, place: SecretPlace, valueId: string): Promise<SealedSecret> => {
		const key = await keyOf(place.tenant);
		const jwe = await key.seal(new TextEncoder().encode(plaintext), [...boundTo(place), key.id]);
		return { jwe, valueId };
	};
	return {
		...opener,
		seal: (plaintext, place) => seal(plaintext, place, randomUUID()),
		sealAnew: async (sealed, place) => await seal(await opener.open(sealed, place), place, valueIdOf(sealed)),
	};
}

/**
 * Names the value without saying anything about it: the same as long as the value was not set again, however often it was sealed
 * anew; for one that was sealed before values had names, the tag of its seal.
 */
export function valueIdOf({ valueId, jwe }: SealedSecret): string {
	return valueId ?? String(jwe["tag"]);
}

function boundTo({ tenant, plugin, field, user }: SecretPlace): string[] {
	return [tenant, plugin, field, ...(user === undefined ? [] : [user])];
}

function nameOf({ tenant, plugin, field, user }: SecretPlace): string {
	return `${field} of plugin ${plugin} in tenant ${tenant}${user === undefined ? "" : ` for user ${user}`}`;
}

function text(bytes: Uint8Array): string {
	return new TextDecoder().decode(bytes);
}
