"""The MLTask resource as users write and read it: names, spec, status, reasons."""
