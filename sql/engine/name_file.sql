-- Call a file of table faces by another name: a copy by what it is a copy of.
-- Parameters: $file, as column faces_file has it; $name.
update faces set faces_file = $name where faces_file = $file;
