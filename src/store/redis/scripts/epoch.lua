-- Which Redis this is: another one after every rebuild from the journal.
-- Returns {epoch}
local epoch = redis.call('GET', key('epoch'))
return epoch and { epoch } or needsRebuild()
