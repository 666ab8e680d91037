-- What the one row of a report's table binning says. Parameters: its columns.
update binning
set
    metric = $metric,
    first_bin = $first_bin,
    last_bin = $last_bin,
    bin_width = $bin_width,
    numerator = $numerator,
    denominator = $denominator;
