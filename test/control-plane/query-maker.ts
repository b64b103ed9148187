// Makes GET calls at random from the OpenAPI document: paths with names and ids that exist somewhere, and any of the parameters
// that a route has, with values that mostly fit their schema.
import type { Random } from "../fuzz/mutate.js";
import { type JsonSchema, type OpenApiDocument, operationOf, type Route } from "./sample-call.js";

export interface Pools {
	readonly random: Random;
	/** Names and texts. */
	readonly words: readonly string[];
	readonly ids: readonly string[];
	readonly cursors: readonly string[];
}

export interface MadeQuery {
	/** As in the policy. */
	readonly route: string;
	readonly url: string;
	/** What was put into it, as the service reads it. */
	readonly values: readonly string[];
}

interface Parameter {
	readonly in: string;
	readonly name: string;
	readonly required?: boolean;
	readonly schema: JsonSchema & { readonly maximum?: number };
}

/** Share of the parameters that a query has. */
const GIVEN = 0.3;

export class QueryMaker {
	readonly #routes: readonly { readonly route: Route; readonly parameters: readonly Parameter[] }[];
	readonly #document: OpenApiDocument;
	readonly #pools: Pools;

	constructor(document: OpenApiDocument, routes: readonly Route[], pools: Pools) {
		this.#document = document;
		this.#pools = pools;
		this.#routes = routes.map((route) => ({ route, parameters: this.#parametersOf(route) }));
	}

	next(): MadeQuery {
		const { route, parameters } = this.#pick(this.#routes);
		return this.#make(route, parameters);
	}

	/** A call of one of these routes. */
	urlOf(routes: readonly Route[]): string {
		const route = this.#pick(routes);
		return this.#make(route, this.#parametersOf(route)).url;
	}

	#parametersOf(route: Route): Parameter[] {
		const { parameters = [] } = operationOf(this.#document, route) as { parameters?: readonly Parameter[] };
		return parameters.filter((parameter) => parameter.in === "query");
	}

	#make(route: Route, parameters: readonly Parameter[]): MadeQuery {
		const values: string[] = [];
		const take = (value: string): string => {
			values.push(value);
			return encodeURIComponent(value);
		};
		const path = route.path.replace(/:(\w+)/g, (_, name: string) => {
			const isId = name === "id" && !route.path.includes("/assistants/");
			return take(this.#pick(isId ? this.#pools.ids : this.#pools.words));
		});
		const given = parameters.filter(({ required }) => required === true || this.#pools.random() < GIVEN);
		const query = given.map((parameter) => `${parameter.name}=${take(this.#valueOf(parameter))}`);
		return { route: route.route, url: query.length === 0 ? path : `${path}?${query.join("&")}`, values };
	}

	#valueOf({ name, schema }: Parameter): string {
		const { random, words, cursors } = this.#pools;
		if (name === "cursor" && cursors.length > 0) return this.#pick(cursors);
		if (/^(since|until)$/.test(name)) return new Date(Date.now() + (random() - 0.7) * 86_400_000).toISOString();
		const options = schema.enum ?? schema.anyOf?.flatMap((each) => (each.const === undefined ? [] : [each.const]));
		if (options !== undefined && options.length > 0) return String(this.#pick(options));
		if (schema.type === "boolean") return String(random() < 0.5);
		if (schema.type === "integer" || schema.type === "number") {
			const least = schema.minimum ?? 0;
			return String(least + Math.floor(random() * Math.min(200, (schema.maximum ?? 200) - least)));
		}
		return this.#pick(words);
	}

	#pick<T>(from: readonly T[]): T {
		const picked = from[Math.floor(this.#pools.random() * from.length)];
		if (picked === undefined) throw new Error("there is nothing to choose from");
		return picked;
	}
}
