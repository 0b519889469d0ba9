from . import data_files, new_files
