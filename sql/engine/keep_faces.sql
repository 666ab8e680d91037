-- Keep these faces of a report's table faces, and delete all others. Parameter: $ids, theirs.
delete from faces where id not in (select unnest($ids));
