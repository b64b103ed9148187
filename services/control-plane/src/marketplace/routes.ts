// REST: marketplace sources, what they offer, and which installed plugins could be brought up to date.
import {
	MarketplacePage,
	MarketplacePluginDetail,
	MarketplaceSource,
	MarketplaceSourceList,
	NewMarketplaceSource,
	PluginName,
	PluginUpdateList,
	SourceName,
} from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { addSource, refreshSource, removeSource, requireSource, type SourceParts, showSource } from "./change-sources.js";
import { decodeOfferCursor, encodeOfferCursor } from "./page-cursor.js";
import { listSources, pageOffers } from "./repository.js";
import { listUpdates, showOffers, showOffersOf } from "./show-offers.js";

const MAX_PAGE = 200;

const SourceParams = Type.Object({ name: SourceName });

const OfferQuery = Type.Object(
	{
		category: Type.Optional(Type.String({ maxLength: 64 })),
		tag: Type.Optional(Type.String({ maxLength: 32 })),
		text: Type.Optional(Type.String({ maxLength: 200, description: "Somewhere in name, description, author, category or tags" })),
		source: Type.Optional(SourceName),
		limit: Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: 50, description: "Most plugins of a page" }),
		cursor: Type.Optional(Type.String({ maxLength: 256, description: "next of the page before" })),
	},
	{ additionalProperties: false },
);

export function addMarketplaceRoutes(app: App, parts: SourceParts): void {
	const { database } = parts;
	const tags = ["marketplace"];

	app.get(
		"/api/v1/marketplace/sources",
		{
			schema: {
				tags,
				operationId: "listMarketplaceSources",
				summary: "List the marketplaces that plugins are taken from",
				response: answers(MarketplaceSourceList),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			const rows = await database.of(tenant).query((queries) => listSources(queries, tenant));
			return { items: rows.map(showSource) };
		},
	);

	app.post(
		"/api/v1/marketplace/sources",
		{
			schema: {
				tags,
				operationId: "addMarketplaceSource",
				summary: "Add a marketplace with the key that signs its index; the index is fetched before anything is stored",
				body: NewMarketplaceSource,
				response: { ...answers(MarketplaceSource), 201: MarketplaceSource },
			},
		},
		async (request, reply) => reply.code(201).send(showSource(await addSource(parts, callerOf(request), request.body))),
	);

	app.delete(
		"/api/v1/marketplace/sources/:name",
		{
			schema: {
				tags,
				operationId: "removeMarketplaceSource",
				summary: "Remove a marketplace; what was installed from it stays, and what it recalled stays recalled",
				params: SourceParams,
				response: answers(MarketplaceSource),
			},
		},
		async (request) => showSource(await removeSource(database, callerOf(request), request.params.name)),
	);

	app.post(
		"/api/v1/marketplace/sources/:name/refresh",
		{
			schema: {
				tags,
				operationId: "refreshMarketplaceSource",
				summary: "Fetch the index of a marketplace now; it is also fetched again and again",
				params: SourceParams,
				response: answers(MarketplaceSource),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const source = await database.of(caller.tenant).query(async (queries) => {
				await caller.precondition?.(queries);
				return await requireSource(queries, caller.tenant, request.params.name);
			});
			return showSource(await refreshSource(parts, source));
		},
	);

	app.get(
		"/api/v1/marketplace/plugins",
		{
			schema: {
				tags,
				operationId: "listMarketplacePlugins",
				summary: "List what the marketplaces offer, the newest version of each plugin",
				querystring: OfferQuery,
				response: answers(MarketplacePage),
			},
		},
		async (request) => {
			const { limit, cursor, ...filter } = request.query;
			const { tenant } = callerOf(request);
			const after = cursor === undefined ? undefined : decodeOfferCursor(cursor);
			return await database.of(tenant).query(async (queries) => {
				// One more than asked for, to know whether there is another page.
				const found = await pageOffers(queries, tenant, filter, limit + 1, after);
				const items = await showOffers(queries, tenant, found.slice(0, limit));
				const last = items.at(-1);
				return { items, ...(found.length > limit && last !== undefined ? { next: encodeOfferCursor(last) } : {}) };
			});
		},
	);

	app.get(
		"/api/v1/marketplace/plugins/:name",
		{
			schema: {
				tags,
				operationId: "getMarketplacePlugin",
				summary: "Show what each marketplace offers under a name",
				params: Type.Object({ name: PluginName }),
				response: answers(MarketplacePluginDetail),
			},
		},
		(request) => {
			const { tenant } = callerOf(request);
			return database.of(tenant).query((queries) => showOffersOf(queries, tenant, request.params.name));
		},
	);

	app.get(
		"/api/v1/plugins/updates",
		{
			schema: {
				tags,
				operationId: "listPluginUpdates",
				summary: "List plugins that came from a marketplace which has a newer version, with what that asks for or says besides",
				response: answers(PluginUpdateList),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			return { items: await database.of(tenant).query((queries) => listUpdates(queries, tenant)) };
		},
	);
}
