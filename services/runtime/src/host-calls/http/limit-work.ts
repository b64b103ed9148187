// Ends an exchange whose server makes work without end: each response before the response and each byte costs time of the main
// thread, whatever becomes of it, and a deadline alone would let one server have all of that time.
import type { ClientRequest, IncomingMessage } from "node:http";
import { HTTP_LIMITS } from "./http-limits.js";
import { NoResponse } from "./no-response.js";

/** The request, or its response when that has begun, fails with a NoResponse as soon as its server has sent too much. */
export function limitWork(request: ClientRequest, { hostname }: URL): void {
	const { informationalResponses, responseWireBytes } = HTTP_LIMITS;
	let responses = 0;
	request.on("information", () => {
		responses += 1;
		if (responses <= informationalResponses) return;
		request.destroy(new NoResponse(`${hostname} sent more than ${informationalResponses} responses before the response`));
	});
	// A response does not learn why its request has failed.
	let failing: ClientRequest | IncomingMessage = request;
	request.on("response", (response) => {
		failing = response;
	});
	let bytes = 0;
	request.on("socket", (socket) => {
		socket.on("data", (read) => {
			bytes += read.length;
			if (bytes <= responseWireBytes) return;
			failing.destroy(new NoResponse(`${hostname} sent more than ${responseWireBytes} bytes for one response`));
		});
	});
}
