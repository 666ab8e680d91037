-- Which columns a JSON file has that is to be imported.
-- One row per column: column_name, column_type.
-- Parameter: $source, an address, or a pattern for the file.
select column_name, column_type from (describe from read_json($source));
