-- Delete the rows of a report's table faces that cannot be compared.
delete from faces
using invalid_faces() as invalid
where faces.faces_file = invalid.faces_file and faces.file_row = invalid.file_row;
