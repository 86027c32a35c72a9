package source

// ReadArchive is for the fuzz test, which has its archives in memory.
var ReadArchive = readArchive

// CheckRedirect is for a test with names of registries that do not exist.
var CheckRedirect = checkRedirect
