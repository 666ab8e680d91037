-- Delete faces from a report's table faces. Parameter: $ids, theirs.
delete from faces where list_contains($ids, id);
