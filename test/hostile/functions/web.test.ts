import { testPrograms } from './test-programs.ts';

testPrograms('web');
