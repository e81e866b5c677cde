"""What the pages show, in one folder for each group of pages. No folder imports another one."""
