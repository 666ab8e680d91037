-- What facesql sql writes as Markdown: the result of a query, here named result, each value as text. A statement, not an object: it
-- runs where Python gives the result that name.
-- One row per row of the result.
select columns(*)::varchar from result;
