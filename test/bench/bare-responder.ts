// The other side of the round trip: a NATS responder that does what nobody can leave out, parsing and re-encoding the JSON.
import { connect } from "nats";

const connection = await connect({ servers: process.env.NATS_URL ?? "" });
connection.subscribe("bench.bare", {
	queue: "bare",
	callback: (_failure, message) => message.respond(Buffer.from(JSON.stringify(JSON.parse(message.string())))),
});
await connection.flush();
process.stdout.write("bare responder is running\n");
