package source

// ReadArchive is for the fuzz test, which has its archives in memory.
var ReadArchive = readArchive
