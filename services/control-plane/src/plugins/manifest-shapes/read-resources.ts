// Time and memory with units, as people write them, to milliseconds and pages. Reads resources (memory, timeout), timeout and
// rate_limit. What is more than this host gives is cut to its most, with a warning: the plugin runs and the author knows.
import { PluginLimits, WASM_PAGE_BYTES } from "@hookbus/schemas";
import { escapeToken } from "../../checks/json-schema-faults.js";
import { isObject } from "../../config/merge-config.js";
import type { Translation } from "./translation.js";
import { scalarText, shown } from "./written-values.js";

const BYTES: Readonly<Record<string, number>> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 };
const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };
/** A number without a unit is megabytes; more than these were surely meant as something else. */
const MOST_MEGABYTES = 4_096;

/** Reads them all into `limits`, on top of what stands there. */
export function translateResources(translation: Translation): void {
	const resources = translation.take("resources") ?? {};
	if (!isObject(resources)) return translation.refuse("/resources", "must be an object with memory and timeout");
	for (const [field, value] of Object.entries(resources)) {
		const path = `/resources/${escapeToken(field)}`;
		if (field === "memory") setMemory(translation, value, path);
		else if (field === "timeout") setTimeLimit(translation, value, path);
		else translation.warn(path, "is not carried over: limits here are time, memory, concurrency, rate, cost and sizes");
	}
	const timeout = translation.take("timeout");
	if (timeout !== undefined) setTimeLimit(translation, timeout, "/timeout");
	const rate = translation.take("rate_limit");
	if (rate !== undefined) setRate(translation, rate);
}

function setMemory(translation: Translation, value: unknown, path: string): void {
	const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?$/i.exec(scalarText(value)) ?? [];
	const amount = Number(digits);
	if (digits === undefined || (unit === "" && amount > MOST_MEGABYTES)) {
		return translation.refuse(path, `${shown(value)} is no amount of memory; write such as 64MB`);
	}
	const pages = Math.ceil((amount * (BYTES[(unit || "m").toLowerCase()] as number)) / WASM_PAGE_BYTES);
	setLimit(translation, "memoryPages", pages, { path, unit: "pages of 64 KiB" });
}

function setTimeLimit(translation: Translation, value: unknown, path: string): void {
	const ms = timeIn(value);
	if (ms === undefined) return translation.refuse(path, `${shown(value)} is no time; write such as 500ms or 5s`);
	setLimit(translation, "timeoutMs", ms, { path, unit: "ms" });
}

/** Milliseconds of a time such as 500ms, 5s, 1m or a number of milliseconds; `undefined` when it is none. */
export function timeIn(value: unknown): number | undefined {
	const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m)?$/.exec(scalarText(value)) ?? [];
	return digits === undefined ? undefined : Math.ceil(Number(digits) * (MILLISECONDS[unit ?? "ms"] as number));
}

function setRate(translation: Translation, value: unknown): void {
	const nested = isObject(value) ? (value["requests_per_minute"] ?? value["per_minute"]) : value;
	if (typeof nested !== "number") {
		return translation.refuse("/rate_limit", "must be a number of calls a minute, or {requests_per_minute: …}");
	}
	setLimit(translation, "ratePerMinute", nested, { path: "/rate_limit", unit: "calls a minute" });
}

function setLimit(
	translation: Translation,
	limit: "memoryPages" | "timeoutMs" | "ratePerMinute",
	value: number,
	{ path, unit }: { readonly path: string; readonly unit: string },
): void {
	const { minimum = value, maximum = value } = PluginLimits.properties[limit];
	const given = Math.min(Math.max(value, minimum), maximum);
	if (given !== value) translation.warn(path, `${value} ${unit} became ${given}: this host gives ${minimum} to ${maximum}`);
	const limits = translation.manifest["limits"];
	translation.manifest["limits"] = { ...(isObject(limits) ? limits : {}), [limit]: given };
	translation.cameFrom(`/limits/${limit}`, path);
}
