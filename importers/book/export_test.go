package book

// What the tests need to write files of records and compound files by hand.
const (
	MaxTables = maxTables

	EntrySize    = entrySize
	EndOfChain   = endOfChain
	FreeSector   = freeSector
	NoEntry      = noEntry
	RootEntry    = rootEntry
	StorageEntry = storageEntry
	StreamEntry  = streamEntry

	RecordBOF        = recordBOF
	RecordBoolErr    = recordBoolErr
	RecordBoundSheet = recordBoundSheet
	RecordContinue   = recordContinue
	RecordDateMode   = recordDateMode
	RecordEOF        = recordEOF
	RecordFilePass   = recordFilePass
	RecordFormat     = recordFormat
	RecordFormula    = recordFormula
	RecordLabel      = recordLabel
	RecordLabelSST   = recordLabelSST
	RecordMerged     = recordMerged
	RecordMulRK      = recordMulRK
	RecordNumber     = recordNumber
	RecordRK         = recordRK
	RecordRow        = recordRow
	RecordSST        = recordSST
	RecordString     = recordString
	RecordXF         = recordXF
)
