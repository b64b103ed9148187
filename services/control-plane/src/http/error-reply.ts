// Turns whatever went wrong into a problem document (RFC 9457). Coded errors say what they say; what Fastify itself refuses is
// translated; everything else is answered without any detail and logged with its cause, because a stack, a query or a path
// in an answer helps attackers only.
import { CodedError } from "@hookbus/foundation";
import { PROBLEM_MEDIA_TYPE } from "@hookbus/schemas";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { errors } from "../errors.js";

/** Seconds after which a caller may try again. */
const RETRY_AFTER_S = 2;

export function addErrorReplies(app: FastifyInstance): void {
	app.setErrorHandler((thrown: FastifyError, request, reply) => reply.send(problemReply(thrown, request, reply)));
	app.setNotFoundHandler((request, reply) => {
		const path = request.url.split("?")[0] ?? "";
		return reply.send(
			problemReply(
				errors.not_found(`${request.method} ${path.slice(0, 200)} does not exist; /docs lists what does`),
				request,
				reply,
			),
		);
	});
}

/** For requests that never reach a route: the router cannot read their address. */
export function replyUnreadable(thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
	void reply.send(problemReply(thrown, request, reply));
}

function problemReply(thrown: unknown, request: FastifyRequest, reply: FastifyReply): string {
	const error = thrown instanceof CodedError ? thrown : (translate(thrown as FastifyError) ?? hide(thrown, request));
	const { status, retryable } = error.definition;
	if (status >= 500) request.log.warn({ code: error.code, cause: causeOf(error) }, error.message);
	reply.code(status).type(PROBLEM_MEDIA_TYPE);
	if (retryable && status === 503) reply.header("retry-after", RETRY_AFTER_S);
	if (status === 401) reply.header("www-authenticate", "Bearer");
	return JSON.stringify(error.toProblem(request.id));
}

/** Longest cause in a log line; a driver's message can be as long as what it could not store. */
const MAX_CAUSE = 4_000;

function causeOf(error: Error): string | undefined {
	return error.cause === undefined ? undefined : describeCause(error.cause);
}

function describeCause(thrown: unknown): string {
	return (thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)).slice(0, MAX_CAUSE);
}

function hide(thrown: unknown, request: FastifyRequest): CodedError {
	request.log.error({ error: describeCause(thrown) }, "a request failed");
	return errors.internal(
		`the request failed here and was logged as ${request.id}; try again, and tell the operator this id if it stays`,
	);
}

/** Refusals of Fastify and of its multipart parser, by their documented codes. */
function translate(thrown: FastifyError): CodedError | undefined {
	switch (thrown.code) {
		case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
		case "FST_INVALID_MULTIPART_CONTENT_TYPE":
			return errors.media_type_unknown("the request's content type is not one that this route takes; /docs says which it does");
		case "FST_ERR_CTP_BODY_TOO_LARGE":
			return errors.body_too_large("the request body is larger than this route takes");
		case "FST_PARTS_LIMIT":
		case "FST_FILES_LIMIT":
		case "FST_FIELDS_LIMIT":
			return errors.upload_field_invalid("the form has too many parts; send one file as file and each field once");
		case "FST_PROTO_VIOLATION":
			return errors.upload_field_invalid("the form has a field with a reserved name");
		case "FST_INVALID_JSON_FIELD_ERROR":
			return errors.upload_field_invalid("a form field that is declared as application/json is not JSON");
		case "FST_MP_PREMATURE_CLOSE":
			return errors.upload_incomplete("the connection ended before the form did; send it again");
		case "FST_ERR_HANDLER_TIMEOUT":
			return errors.request_timeout(
				"the request took longer than it may; whether it took effect is not known — look before sending it again",
			);
		default:
			break;
	}
	if (thrown.message === "Unexpected end of multipart data" || thrown.code === "ERR_STREAM_PREMATURE_CLOSE") {
		return errors.upload_incomplete("the form is cut off; send it again");
	}
	if (thrown.message === "Multipart: Boundary not found") {
		return errors.request_invalid("the form's content type names no boundary; send multipart/form-data; boundary=…");
	}
	const status = thrown.statusCode ?? 500;
	if (status >= 400 && status < 500) return errors.request_invalid(`the request cannot be read: ${plain(thrown.message)}`);
	return undefined;
}

/** Parser messages name positions and quote little; one line of them is enough. */
function plain(message: string): string {
	return (message.split("\n")[0] ?? "").slice(0, 200);
}
