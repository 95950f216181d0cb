import { testPrograms } from './test-programs.ts';

testPrograms('hangs');
