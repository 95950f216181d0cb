#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { cacheFolder } from './cache-folder.ts';

// The entry of the built program: what V8 made of its code the last time is a third of the time to start. It does without when it must.
enableCompileCache(cacheFolder(process.env, 'code'));
await import('./main.ts');
