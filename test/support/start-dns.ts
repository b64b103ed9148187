// A name server that answers what a test tells it to. Real ones are out of reach of tests, and do not lie on demand.
import { createSocket } from "node:dgram";
import { closeAfter } from "./close-after.js";

const TYPES = { A: 1, CNAME: 5, AAAA: 28 } as const;

/** An answer of A (an IPv4 address), AAAA (an IPv6 address) or CNAME (a name). */
export interface DnsRecord {
	/** Default: the name that was asked for. */
	readonly name?: string;
	readonly type: keyof typeof TYPES;
	readonly value: string;
}

export interface DnsQuestion {
	readonly name: string;
	readonly type: keyof typeof TYPES | "other";
}

export interface StartedDns {
	/** host:port */
	readonly server: string;
	/** All questions so far. */
	readonly questions: DnsQuestion[];
}

/** @param answer records for a question, all with a TTL of 0; none: the name does not exist; `undefined`: no answer at all */
export async function startDns(answer: (question: DnsQuestion) => readonly DnsRecord[] | undefined): Promise<StartedDns> {
	const questions: DnsQuestion[] = [];
	const socket = createSocket("udp4");
	socket.on("message", (message, from) => {
		const { question, end } = readQuestion(message);
		questions.push(question);
		const records = answer(question);
		if (records !== undefined) socket.send(writeAnswer(message, question, end, records), from.port, from.address);
	});
	await new Promise<void>((resolve, reject) => {
		socket.once("error", reject);
		socket.bind(0, "127.0.0.1", resolve);
	});
	closeAfter(() => new Promise<void>((resolve) => socket.close(() => resolve())));
	return { server: `127.0.0.1:${socket.address().port}`, questions };
}

function readQuestion(message: Buffer): { question: DnsQuestion; end: number } {
	const labels: string[] = [];
	let at = 12;
	for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
		labels.push(message.toString("latin1", at + 1, at + 1 + length));
		at += 1 + length;
	}
	const number = message.readUInt16BE(at + 1);
	const type = (Object.keys(TYPES) as (keyof typeof TYPES)[]).find((name) => TYPES[name] === number) ?? "other";
	return { question: { name: labels.join(".").toLowerCase(), type }, end: at + 5 };
}

function writeAnswer(message: Buffer, question: DnsQuestion, end: number, records: readonly DnsRecord[]): Buffer {
	const header = Buffer.alloc(12);
	message.copy(header, 0, 0, 2);
	// An answer, recursion available; 3: there is no such name.
	header.writeUInt16BE(0x8180 | (records.length === 0 ? 3 : 0), 2);
	header.writeUInt16BE(1, 4);
	header.writeUInt16BE(records.length, 6);
	return Buffer.concat([header, message.subarray(12, end), ...records.map((record) => writeRecord(record, question))]);
}

function writeRecord({ name, type, value }: DnsRecord, question: DnsQuestion): Buffer {
	const data = { A: ipv4Bytes, AAAA: ipv6Bytes, CNAME: nameBytes }[type](value);
	const fixed = Buffer.alloc(10);
	fixed.writeUInt16BE(TYPES[type], 0);
	fixed.writeUInt16BE(1, 2);
	fixed.writeUInt16BE(data.length, 8);
	return Buffer.concat([nameBytes(name ?? question.name), fixed, data]);
}

function nameBytes(name: string): Buffer {
	const labels = name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, "latin1")]));
	return Buffer.concat([...labels, Buffer.from([0])]);
}

function ipv4Bytes(address: string): Buffer {
	return Buffer.from(address.split(".").map(Number));
}

/** @param address without a dotted part */
function ipv6Bytes(address: string): Buffer {
	const [front, back] = address.split("::").map((half) => (half === "" ? [] : half.split(":")));
	const missing = 8 - (front?.length ?? 0) - (back?.length ?? 0);
	const groups = [...(front ?? []), ...Array<string>(back === undefined ? 0 : missing).fill("0"), ...(back ?? [])];
	return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}
