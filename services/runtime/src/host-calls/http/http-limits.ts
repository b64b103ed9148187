// Bounds of one HTTP call. Each is there because its absence lets a plugin, or the server that it calls, fill the memory of the
// main thread or keep it busy. Time has its own bound: the deadline of the call.

export const HTTP_LIMITS = {
	callsPerInvocation: 5,
	/** Most milliseconds that a plugin may say it waits for one; its own time ends it sooner. */
	timeoutMs: 60_000,
	/** Bytes of the URL, as the plugin writes it and as it is sent. */
	urlBytes: 8 * 1024,
	/** Bytes. */
	requestBody: 1024 * 1024,
	/** Number of headers that a plugin may give. */
	requestHeaders: 64,
	/** Bytes of their names and values. */
	requestHeaderBytes: 16 * 1024,
	redirects: 5,
	/** Exchanges at the same time: of one plugin, and of all of them in this runtime. */
	exchangesOfPlugin: 16,
	exchanges: 128,
	/** Addresses that a name may have: each is checked. */
	addresses: 32,
	/** Addresses of a name that are tried, one after the other; all are checked. */
	connectionAttempts: 4,
	/** Responses before the response, such as 103; each makes work, and none is shown to the plugin. */
	informationalResponses: 8,
	/** Number of headers in a response. */
	responseHeaders: 100,
	/** Bytes of them. */
	responseHeaderBytes: 16 * 1024,
	/** Bytes; a longer response counts as none, because half of one could be taken for a whole. */
	responseBody: 1024 * 1024,
	/** Pieces in which a body arrives: each makes work, however small it is. */
	responsePieces: 16 * 1024,
	/** Bytes that a server may send for one response: a body, what it is packed into, and headers. */
	responseWireBytes: 1.25 * 1024 * 1024 + 64 * 1024,
} as const;
