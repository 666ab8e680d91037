-- Delete the faces of table named_face from a report's table faces.
delete from faces where id in (select id from named_face);
