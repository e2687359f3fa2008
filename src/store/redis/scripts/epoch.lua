-- Which Redis this is: another one after every rebuild from the journal.
-- Returns {epoch}
if not isInitialised() then return needsRebuild() end
return { redis.call('GET', key('epoch')) }
