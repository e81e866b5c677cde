-- Run once, when the database server is new. The database of the program exists already.
CREATE DATABASE mlflow OWNER tme;
