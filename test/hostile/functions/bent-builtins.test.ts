import { testPrograms } from './test-programs.ts';

testPrograms('bent builtins');
