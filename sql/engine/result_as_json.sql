-- What facesql sql writes as JSON: the result of a query, here named result, to the file that variable result_file names. A
-- statement, not an object: it runs where Python gives the result that name.
copy (from result) to (getvariable('result_file')) (format json, array);
